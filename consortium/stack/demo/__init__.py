"""The demonstration alliance: eighty made-up members, four of them with a node.

``kit`` plays the members: it makes their keys and what they hand in. ``load`` plays the secretariat: it
reads what was handed in, never a key. The two meet in one directory, ``DATA_DIR/demo-handover``.
"""
