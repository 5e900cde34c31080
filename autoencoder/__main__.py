"""`python -m autoencoder` is the console command."""

import sys

from autoencoder.cli.main import main

sys.exit(main())
