"""The peers, one file each. A file imports its library at once: a missing one is skipped by name.

Every function takes its data first and `units` last, prepares what is not timed, and returns the
function that is. Each is written as a good user of that library would write it.
"""
