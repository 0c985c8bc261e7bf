"""The bench is a package of the checkout, not of what is installed."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))
