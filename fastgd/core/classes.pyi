# Nothing that Python sees.
