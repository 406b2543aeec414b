"""Why, why not, where and what next, in sentences, and drawings of a policy. Decides nothing."""
