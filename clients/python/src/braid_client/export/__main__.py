"""python -m braid_client.export"""

import sys

from ._command import main

if __name__ == "__main__":
    sys.exit(main())
