"""Makes the files of this folder from the raw tables (see README.md for where those come from).

    python make_pack.py RAW_FOLDER      needs pandas and pyarrow

Observed data and truth go to different files. `split` is `choose` for the first replicate of each setting, in the
order of the raw file, and `report` for the others.
"""

import sys
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

raw, here = Path(sys.argv[1]), Path(__file__).parent
UNITS = 4802


def write(frame, name, schema, **options):
    table = pa.Table.from_pandas(frame, schema=schema, preserve_index=False)
    pq.write_table(table, here / name, compression="zstd", compression_level=19, write_statistics=False, **options)


x = pd.read_parquet(raw / "x.parquet")
assert x.shape == (UNITS, 58) and list(x.columns) == [f"x_{j}" for j in range(1, 59)]
x.to_csv(here / "x.csv", index=False, lineterminator="\n")

units = pd.read_parquet(raw / "netflix231.parquet")
units["y"] = units.y1.where(units.z == 1, units.y0)
key = ["setting", "replicate"]
datasets = units[key + ["response_id"]].drop_duplicates(ignore_index=True)
datasets["split"] = ["report" if again else "choose" for again in datasets.duplicated("setting")]
assert len(datasets) == 231 and (units.groupby(key).size() == UNITS).all()

observed = units.merge(datasets[key + ["split"]], on=key, how="left")
assert (observed.response_id == units.response_id).all()
schema = pa.schema(
    {"setting": pa.uint8(), "response_id": pa.uint32(), "split": pa.string(), "z": pa.uint8(), "y": pa.float32()}
)
write(
    observed[schema.names],
    "observed.parquet",
    schema,
    use_dictionary=["setting", "response_id", "split", "z"],
    column_encoding={"y": "BYTE_STREAM_SPLIT"},
    row_group_size=len(observed),
)

# The truth of each dataset, from the potential outcomes themselves.
double = units.astype({name: "float64" for name in ["y0", "y1", "mu0", "mu1", "y"]})
rows = []
for (setting, replicate), d in double.groupby(key, sort=False):
    t = d[d.z == 1]
    rows.append(
        {
            "setting": setting,
            "response_id": int(d.response_id.iloc[0]),
            "n": len(d),
            "n_treated": len(t),
            "satt": (t.y1 - t.y0).mean(),
            "att_mu": (t.mu1 - t.mu0).mean(),
            "ate_mu": (d.mu1 - d.mu0).mean(),
            "sd_y": d.y.std(),
        }
    )
truth = datasets.drop(columns="replicate").merge(pd.DataFrame(rows), on=["setting", "response_id"])
published = pd.read_csv(raw / "truth_231.csv").merge(datasets, on=key)
for name in ["n_treated", "satt", "att_mu", "ate_mu", "sd_y"]:
    assert (abs(published[name] - truth[name]) < 1e-6).all(), name
truth.to_csv(here / "truth.csv", index=False, float_format="%.9g", lineterminator="\n")

competition = pd.read_csv(raw / "competition_results_231.csv.gz").merge(datasets, on=key).dropna(subset=["satt"])
competition = competition.rename(columns={"satt": "estimate"}).assign(estimand="att")
netflix = pd.read_csv(raw / "netflix_results.csv")
columns = ["method", "setting", "response_id", "estimand", "estimate", "ci_lower", "ci_upper"]
# Its third estimand is not comparable with anybody's: see README.md. It is in netflix.csv.
ours = netflix[netflix.estimand != "ato"].assign(method="netflix_oci_agent")
comparison = pd.concat([competition[columns], ours[columns]]).sort_values(["method", "estimand"], kind="stable")
comparison.to_csv(here / "comparison.csv", index=False, float_format="%.9g", lineterminator="\n")

netflix = netflix.rename(
    columns={
        "truth": "published_truth",
        "max_abs_weighted_smd": "max_smd",
        "fraction_outside_0_1_0_9": "share_outside",
        "placebo_p_value": "placebo_p",
    }
)
columns = ["setting", "response_id", "estimand", "estimate", "ci_lower", "ci_upper", "published_truth"]
columns += ["max_smd", "share_outside", "placebo_p"]
netflix[columns].to_csv(here / "netflix.csv", index=False, float_format="%.9g", lineterminator="\n")

settings = pd.read_csv(raw / "settings.csv")
settings.columns = [name.replace(".", "_") for name in settings.columns]
first = ["setting"]
settings[first + [c for c in settings.columns if c not in first]].to_csv(
    here / "settings.csv", index=False, lineterminator="\n"
)
