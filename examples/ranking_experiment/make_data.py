"""Makes data/ and truth.json of this example. Python's standard library alone; the seed is below.

    python make_data.py

A store shows shoppers its usual ranking or a more diverse one. For shopper i, with u ~ N(0, 1) and spending power
m = 26 exp(0.5 u):

    orders before the start, and after it without the new ranking: Poisson(m / 26) of about 26 each
    diverse ranking: sales times 1.30 for holiday shoppers on a large screen, times 0.80 for everybody else
    latency of a visit: N(400, 80) ms, + 34 with the diverse ranking, which computes more

Assignment is a fair coin. The truth in truth.json is the mean of each shopper's own effect.
"""

import json
import math
import random
from datetime import date, timedelta
from pathlib import Path

here = Path(__file__).parent
rng = random.Random(20260301)
START = date(2026, 3, 1)
SHOPPERS = 3600
DAYS = 14


def poisson(mean):
    limit, n, product = math.exp(-mean), 0, rng.random()
    while product > limit:
        n += 1
        product *= rng.random()
    return n


assignments, orders, visits, effects = [], [], [], []
for i in range(SHOPPERS):
    shopper = f"s{i + 1:04}"
    u = rng.gauss(0, 1)
    rate = 1.15 * math.exp(0.5 * u)
    device = rng.choices(["phone", "desktop", "tablet"], [0.55, 0.35, 0.10])[0]
    screen = "large" if device == "desktop" or (device == "tablet" and rng.random() < 0.5) else "small"
    holiday = int(rng.random() < 0.35)
    tenure = round(rng.expovariate(1 / 30))
    arm = "diverse" if rng.random() < 0.5 else "control"
    assigned = START + timedelta(days=rng.randrange(10))
    factor = 1.30 if holiday and screen == "large" else 0.80
    effects.append((holiday and screen == "large", rate * 26 * (factor - 1)))
    assignments.append([shopper, arm, device, screen, holiday, tenure, assigned])
    for _ in range(poisson(rate)):
        day = START - timedelta(days=1 + rng.randrange(DAYS))
        orders.append([shopper, day, f"{26 * math.exp(rng.gauss(-0.08, 0.4)):.2f}"])
    size = factor if arm == "diverse" else 1.0
    for _ in range(poisson(rate)):
        day = assigned + timedelta(days=rng.randrange(DAYS))
        orders.append([shopper, day, f"{26 * size * math.exp(rng.gauss(-0.08, 0.4)):.2f}"])
    for _ in range(1 + poisson(1.0)):
        day = assigned + timedelta(days=rng.randrange(DAYS))
        slower = 34 if arm == "diverse" else 0
        visits.append([shopper, day, round(max(40, rng.gauss(400 + slower, 80)))])


def write(name, header, rows):
    lines = [header] + [",".join(str(cell) for cell in row) for row in rows]
    (here / "data" / name).write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


write("assignments.csv", "shopper,arm,device,screen,holiday_shopper,tenure,assigned_at", assignments)
write("orders.csv", "shopper,ordered_at,amount", sorted(orders, key=lambda row: (row[1], row[0], row[2])))
write("visits.csv", "shopper,visited_at,ms", sorted(visits, key=lambda row: (row[1], row[0], row[2])))

mean = lambda values: round(sum(values) / len(values), 4)
truth = {
    "sales": mean([effect for _, effect in effects]),
    "sales, holiday shoppers on a large screen": mean([effect for there, effect in effects if there]),
    "sales, everybody else": mean([effect for there, effect in effects if not there]),
    "latency": 34.0,
}
(here / "truth.json").write_text(json.dumps(truth, indent=2) + "\n", encoding="utf-8", newline="\n")
