"""How the schema came to be, one numbered step after another; run in the program, never by hand.

May not import `storage.schema`: a step describes the tables as they were when it was written.
"""
