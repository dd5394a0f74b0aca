"""The modelling core: values in, values out; no I/O, no clock, no events.

It imports numpy, pandas and prophet alone, so that it runs the same in a trainer's
replica, in a notebook and in a test. `procedure.train` is the way in for training,
`engine.Engine.forecast` for forecasting.
"""
