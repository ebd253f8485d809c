import sys

from headway.cli.program import main

sys.exit(main())
