#!/usr/bin/env -S python3 -I
"""Where the container starts: by path and isolated, so that no file of the workspace is imported instead of ours."""

import sys

sys.path.insert(0, __file__.rpartition("/")[0] or ".")  # isolated mode leaves the script's own folder out
from hf_action.main import main

sys.exit(main())
