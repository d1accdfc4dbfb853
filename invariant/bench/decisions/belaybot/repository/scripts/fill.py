"""Fill the database of a test server, slowly, so that one can watch."""

import sys
import time
import urllib.request

for number in range(20):
    urllib.request.urlopen(f"{sys.argv[1]}/say?text=/find_partner+hall+monday{number}", timeout=5)
    time.sleep(1)
