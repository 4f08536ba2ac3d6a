"""Going live: what is still lacking, a rehearsal of this very configuration, and the record of who approved it.

May not start anything: a person does. Nothing here posts to the live workspace.
"""
