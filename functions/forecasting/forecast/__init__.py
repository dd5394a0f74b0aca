"""From a model to the days ahead: what is assumed of them, units, intervals, parts."""
