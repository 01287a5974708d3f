"""A whole experiment as a process, from Parquet: effects of 2 arms on 5 metrics in 20 segments, 10 covariates with a slope for each arm.

    pip install numpy pandas pyarrow pyyaml statsmodels pyfixest
    cargo build --release
    python benches/experiments/compare.py target/release/oci-agent --rows 1000000 --runs 3

Every contestant runs as a child process and reads the same file; CPU seconds and the peak of memory are those the kernel counted for
it. All 200 pairs of an effect and its standard error must agree to 1e-8 of the standard error, or the script ends with an error.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COVARIATES = [f"x{j}" for j in range(1, 11)]
METRICS = [f"y{m}" for m in range(1, 6)]
LEVELS = {"x1": 2, "x2": 2, "x3": 3, "x4": 4, "x5": 5, "x6": 6}
SEGMENTS = [(name, level) for name in ("x1", "x3", "x4", "x5", "x6") for level in range(LEVELS[name])]


def text(segment):
    return f"{segment[0]} == {segment[1]}"


def generate(path, rows):
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(20261130)
    clusters = rows // 50
    cluster = rng.integers(0, clusters, rows)
    columns = {"cluster": cluster.astype("int32")}
    arm = rng.choice(3, rows, p=[0.4, 0.3, 0.3])
    columns["arm"] = arm.astype("int8")
    for name, levels in LEVELS.items():
        columns[name] = rng.integers(0, levels, rows).astype("float64")
    for j in range(7, 11):
        columns[f"x{j}"] = rng.normal(size=rows)
    x = np.column_stack([columns[name] for name in COVARIATES])
    slopes, shared = rng.normal(size=(10, 5)), rng.normal(size=(clusters, 5)) * 0.3
    for m, name in enumerate(METRICS):
        effect = 0.1 * (arm == 1) * (1 + 0.3 * x[:, 0]) + 0.2 * (arm == 2)
        columns[name] = x @ slopes[:, m] + effect + shared[cluster, m] + rng.normal(size=rows)
    pd.DataFrame(columns).to_parquet(path, row_group_size=65536)


def plan(clustered):
    metrics = [f"  {name}: {{expression: mean({name}), role: {'primary' if name == 'y1' else 'secondary'}}}" for name in METRICS]
    return "\n".join(
        ["design: experiment", "title: Speed", "question: How long does it take?", "data: {source: data.parquet}"]
        + ["assignment: {column: arm, control: 0, shares: {0: 0.4, 1: 0.3, 2: 0.3}"]
        + [", cluster_by: [cluster]}" if clustered else "}"]
        + [f"covariates: [{', '.join(COVARIATES)}]", "metrics:"]
        + metrics
        + [""]
    )


def ours(binary, folder, clustered):
    """fit, then 20 segments from the saved fit: two processes, of which the second does not see the rows."""
    (folder / "plan.yaml").write_text(plan(clustered))
    subprocess.run(["rm", "-rf", "fitted", "oci-runs"], cwd=folder, check=True)
    fit = measured([binary, "experiment", "fit", "plan.yaml", "--out", "fitted"], folder)
    asked = [arg for s in SEGMENTS for arg in ("--segment", text(s))]
    query = measured([binary, "experiment", "segments", "fitted", "--json"] + asked, folder)
    rows = json.loads(query["out"].splitlines()[-1])["effects"]
    table = {f"{r['metric']} {r['arm']} {r['segment']}": [r["effect"]["estimate"], r["effect"]["std_error"]] for r in rows}
    return {**fit, "query_s": query["wall_s"], "table": table}


def peer(name, folder, clustered):
    found = measured([sys.executable, __file__, "--peer", name, "--clustered" if clustered else "--plain"], folder)
    return {**found, "table": json.loads(found["out"].splitlines()[-1])}


def measured(command, folder):
    start = time.time()
    with tempfile.TemporaryFile() as out:
        child = subprocess.Popen(command, cwd=folder, stdout=out, stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(child.pid, 0)
        out.seek(0)
        text = out.read().decode()
    if status != 0:
        sys.exit(f"{command} ended with {status}")
    return {"wall_s": time.time() - start, "cpu_s": used.ru_utime + used.ru_stime, "peak_mb": used.ru_maxrss / 1024, "out": text}


def run_peer(name, clustered):
    import numpy as np
    import pandas as pd

    data = pd.read_parquet("data.parquet", columns=["cluster", "arm"] + COVARIATES + METRICS)
    x = data[COVARIATES].to_numpy()
    means = {s: x[data[s[0]].to_numpy() == s[1]].mean(0) for s in SEGMENTS}
    table = {}

    def contrasts(names):
        place = {name: i for i, name in enumerate(names)}
        keys, rows = [], []
        for arm in (1, 2):
            for s in SEGMENTS:
                row = np.zeros(len(names))
                row[place[f"t{arm}"]] = 1
                for j, name in enumerate(COVARIATES):
                    row[place[f"t{arm}:{name}"]] = means[s][j]
                keys.append(f"{arm} {text(s)}")
                rows.append(row)
        return keys, np.array(rows)

    t = {arm: (data.arm == arm).to_numpy().astype(float) for arm in (1, 2)}
    if name == "statsmodels":
        import statsmodels.api as sm

        design = np.column_stack([np.ones(len(data)), t[1], t[2], x, t[1][:, None] * x, t[2][:, None] * x])
        names = ["1", "t1", "t2"] + COVARIATES + [f"t{arm}:{c}" for arm in (1, 2) for c in COVARIATES]
        keys, rows = contrasts(names)
        options = {"cov_type": "cluster", "cov_kwds": {"groups": data.cluster.to_numpy()}} if clustered else {"cov_type": "HC1"}
        for metric in METRICS:
            found = sm.OLS(data[metric].to_numpy(), design).fit(**options).t_test(rows)
            for key, effect, error in zip(keys, found.effect, found.sd.ravel()):
                table[f"{metric} {key}"] = [float(effect), float(error)]
    else:
        import pyfixest

        data["t1"], data["t2"] = t[1], t[2]
        right = " + ".join(["t1", "t2"] + COVARIATES + [f"t{arm}:{c}" for arm in (1, 2) for c in COVARIATES])
        vcov = {"CRV1": "cluster"} if clustered else "HC1"
        fits = pyfixest.feols(f"{' + '.join(METRICS)} ~ {right}", data, vcov=vcov, store_data=False).to_list()
        for metric, fit in zip(METRICS, fits):
            keys, rows = contrasts(list(fit._coefnames))
            errors = np.sqrt(np.einsum("ij,jk,ik->i", rows, fit._vcov, rows))
            for key, effect, error in zip(keys, rows @ fit._beta_hat, errors):
                table[f"{metric} {key}"] = [float(effect), float(error)]
    print(json.dumps(table))


def same(a, b):
    if a.keys() != b.keys():
        sys.exit("the tables have different rows")
    return max(max(abs(a[k][0] - b[k][0]), abs(a[k][1] - b[k][1])) / b[k][1] for k in b)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary", nargs="?")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--peers", default="statsmodels,pyfixest")
    parser.add_argument("--peer")
    parser.add_argument("--generate")
    parser.add_argument("--clustered", action="store_true")
    parser.add_argument("--plain", action="store_true")
    args = parser.parse_args()
    if args.generate:
        return generate(args.generate, args.rows)
    if args.peer:
        return run_peer(args.peer, args.clustered)
    import importlib.metadata as versions

    binary = str(Path(args.binary).resolve())
    print(f"{args.rows} rows, {os.cpu_count()} processors, {platform.machine()}, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        # In a process of its own: the peak of a child counts what its parent held when it was started.
        subprocess.run([sys.executable, __file__, "--generate", str(folder / "data.parquet"), "--rows", str(args.rows)], check=True)
        for clustered in (False, True):
            runs = [ours(binary, folder, clustered) for _ in range(args.runs)]
            own = sorted(runs, key=lambda run: run["cpu_s"])[len(runs) // 2]
            print(f"\n{'clustered (CR1S)' if clustered else 'HC1'}")
            print(f"{'oci-agent':24}{own['cpu_s']:8.2f} CPU-s {own['wall_s']:8.2f} s {own['peak_mb']:7.0f} MB; 20 segments from the fit: {own['query_s'] * 1000:.0f} ms")
            for name in filter(None, args.peers.split(",")):
                found = peer(name, folder, clustered)
                off = same(own["table"], found["table"])
                print(
                    f"{name + ' ' + versions.version(name):24}{found['cpu_s']:8.2f} CPU-s {found['wall_s']:8.2f} s {found['peak_mb']:7.0f} MB; "
                    f"{found['cpu_s'] / own['cpu_s']:.1f} x the time, {found['peak_mb'] / own['peak_mb']:.1f} x the memory; off by {off:.0e} of an error"
                )
                if off > 1e-8:
                    sys.exit("the numbers differ")


main()
