"""The reasoner: what it is asked, how its answers are read, and what they earn in reinforcement learning."""
