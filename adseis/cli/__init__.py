"""The command line: `main` finds the command, one a file; `options` are shared by them, `runs` is the folder that each leaves.

What `adseis invert` can find is a file each, `invert_*`; `source_setting` is where the problems of sources are set.
"""
