"""Fill a folder with files of all kinds, to try tidybox on."""

import os
import random
import sys

folder = sys.argv[1]
for number in range(100):
    name = f"file{number}.{random.choice(['png', 'pdf', 'txt', 'zip'])}"
    with open(os.path.join(folder, name), "w") as file:
        file.write("x" * number)
print("100 files in", folder)
