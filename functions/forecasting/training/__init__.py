"""From open days to a model, in six steps: `train.train` has them in order.

`open_days` keeps the days that count and says who has none; `entrants` are the strategies to
compare, and `evidence` their backtests (`backtests`, once for each strategy and fold); `weighing`
scores them (`selection` has the rule); `choose` takes one, or starts warm (`warm_start`);
`calibrate` widens intervals by what they missed; `assemble` puts it together (`trained`).
"""
