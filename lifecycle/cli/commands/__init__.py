"""The commands, one file per noun. They share what stands in cli/, and decide nothing."""
