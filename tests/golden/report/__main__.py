"""`python -m tests.golden.report --update` writes the golden files anew."""

import os
import sys

import django

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.checked_settings")
    django.setup()
    from tests.golden.report import rendering

    if sys.argv[1:] != ["--update"]:
        sys.exit("Say --update to replace the golden files; read the difference before you commit it.")
    rendering.write_all()
