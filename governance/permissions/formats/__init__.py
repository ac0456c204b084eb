"""One desired state of a network, compiled to what each kind of node reads.

Pure: the same state gives the same bytes. :mod:`desired` is the state, :mod:`writing` writes the files.
Before they are signed :mod:`checking` reads them by the rules of those that will (:mod:`enodes`,
:mod:`fisco`), and knows nothing of how they were written. :mod:`software` says what a version of a node's
software can do.
"""
