"""From a notebook to a scheduled job: what can be promoted, what is written for it, and whether both then say the same."""

from sparkyard.promote.cells import Cell, choose_cells, load_notebook
from sparkyard.promote.refuse import list_refusals
from sparkyard.promote.write import Promotion, make_files

__all__ = ["Cell", "Promotion", "choose_cells", "list_refusals", "load_notebook", "make_files"]
