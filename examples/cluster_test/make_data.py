"""Makes data/ and truth.json of this example. Python's standard library alone; the seed is below.

    python make_data.py

Forty stores, half of them drawn for a new layout. Shoppers of a store share its N(0, 5) and differ by N(0, 24):

    sales = 80 + store + shopper, + 1.0 with the new layout

Between 40 and 80 shoppers of a store were asked. The true effect is 1.0; the plan calls 2.0 the smallest that matters.
"""

import json
import random
from pathlib import Path

here = Path(__file__).parent
rng = random.Random(20260504)
STORES = 40

drawn = set(rng.sample(range(STORES), STORES // 2))
rows = []
for store in range(STORES):
    level = rng.gauss(0, 5)
    region = ["north", "south"][store % 2]
    for _ in range(rng.randint(40, 80)):
        new = store in drawn
        sales = max(0, 80 + level + rng.gauss(0, 24) + (1.0 if new else 0.0))
        arm = "new_layout" if new else "control"
        rows.append(f"c{len(rows) + 1:04},store_{store + 1:02},{arm},{region},{sales:.2f}")

header = "shopper,store,arm,region,sales"
(here / "data" / "shoppers.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8", newline="\n")
(here / "truth.json").write_text(json.dumps({"sales": 1.0}, indent=2) + "\n", encoding="utf-8", newline="\n")
