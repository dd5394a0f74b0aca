"""All fits of a panel together, without Stan, to the same optimum.

A shard passes `padded` (series as one rectangle), `standardize` (drivers), `prefix_fits` (a fit for
each fold), `map_problem` (Prophet's posterior as small arrays), `optimum` (its maximum), `fits`
(the optima as arrays), `recent_residual` (what the newest days add), and `engine` leads it through.

| symbol | variable | meaning, and where it comes from |
| --- | --- | --- |
| y | `y`, `yy` = y'y | units on the fit's scale over the largest, `y_scale`; Prophet |
| t | first column of `columns` | days over the training rows, 0 to 1; Prophet |
| Z, b | `columns`; `Solution.rotated` | with Gaussian priors: t (k), 1 (m), seasons, drivers |
| scale_j | `scales` | the standard deviations of b's priors: `TREND_SCALE` for k and m |
| C, delta | `hinges`, `delta` | max(t - s_j, 0) for each changepoint s_j (`bend`), slope changes |
| tau | `tau` | the scale of delta's Laplace prior: `changepoint_prior_scale` |
| sigma^2, v | `variance` | the noise; its prior is N+(0, 0.5^2); prophet.stan |
| U sqrt(d) Q' | `turn` = scale Q, `d` | Z scale, rotated; Elements of Statistical Learning, 3.4.1 |
| Q'Z'y, Q'Z'C | `zy`, `zc` | products in rotated coordinates; `cc`, `cy` those of C alone |
| T | `rows`, `cut` | the rows that a fit trains on |
"""
