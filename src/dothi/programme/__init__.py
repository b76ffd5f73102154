"""Legal basis, tasks with deadlines and evidence, and proposals that become tasks."""
