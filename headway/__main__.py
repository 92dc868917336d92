"""`python -m headway` is the same as `headway`."""

import gc

gc.disable()  # what is imported stays: looking through it for garbage takes a fifth of the time

from headway.cli import main  # noqa: E402

gc.enable()
main()
