# The rules are reached through fastgd.core.update.make, by name.
