"""The kinds of rule that a protocol can be written in: each a frozen model whose fields are its YAML.

May not know where facts come from, nor who is told what is found: a kind turns `Facts` into findings.
"""
