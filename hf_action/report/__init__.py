"""How results are shown: outputs, summary, picture."""
