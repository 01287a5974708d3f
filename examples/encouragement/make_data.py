"""Makes data/ and truth.json of this example. Python's standard library alone; the seed is below.

    python make_data.py

A coin decides who gets an e-mail that offers a course; nobody else can take it. For person i

    age uniform on 20..64, earned before: N(2000 + 10 (age - 42), 500)
    takes the course if e-mailed:      probability 0.60 - 0.01 (age - 20)
    effect of the course on earnings:  420 - 7 (age - 20), plus N(0, 40) of one's own
    earned after without the course:   300 + 0.9 before + N(0, 420)

The young take the offer up more, and the course does more for them: the effect on those whom the e-mail moved is larger
than that on everyone. truth.json has the means of each person's own effect.
"""

import json
import random
from pathlib import Path

here = Path(__file__).parent
rng = random.Random(20260402)
PEOPLE = 6000

rows, everyone, moved = [], [], []
for i in range(PEOPLE):
    age = rng.randint(20, 64)
    before = rng.gauss(2000 + 10 * (age - 42), 500)
    phone = int(rng.random() < 0.7 - 0.006 * (age - 20))
    complier = rng.random() < 0.60 - 0.01 * (age - 20)
    effect = 420 - 7 * (age - 20) + rng.gauss(0, 40)
    arm = "email" if rng.random() < 0.5 else "no_email"
    took = int(complier and arm == "email")
    after = 300 + 0.9 * before + rng.gauss(0, 420) + took * effect
    everyone.append(effect)
    if complier:
        moved.append(effect)
    rows.append(f"p{i + 1:04},{arm},{took},{age},{phone},{before:.0f},{after:.0f}")

header = "person,arm,took_course,age,reads_on_phone,earned_before,earned"
(here / "data" / "people.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8", newline="\n")

mean = lambda values: round(sum(values) / len(values), 4)
truth = {
    "itt": round(sum(moved) / PEOPLE, 4),
    "late": mean(moved),
    "ate": mean(everyone),
    "share moved": round(len(moved) / PEOPLE, 4),
}
(here / "truth.json").write_text(json.dumps(truth, indent=2) + "\n", encoding="utf-8", newline="\n")
