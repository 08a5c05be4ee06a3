"""No verdict on a belief that is not true: a table of cells, one file a kind of false belief.

A cell is a situation of the Hub and a call of the action, with the result that is right, whatever the action's rules
say: result word, exit status, what was sent, what the message tells. cells.py has what they are made of.
"""
