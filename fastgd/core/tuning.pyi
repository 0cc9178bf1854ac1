# Each rule is found in update.UPDATES, so that a new one needs no line here.
