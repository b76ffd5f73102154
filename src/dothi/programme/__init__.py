"""Legal basis, tasks with deadlines and evidence, and proposals that become tasks.

An obligation is a place in the law (document, article, clause, point, valid from and to); what it asks becomes a task
with a lead and cooperating units, an area, the deadline it was given first and the one agreed now, an output and the
evidence of it. A task is issued only when it is clear in all five ("5 rõ": người, việc, thời gian, kết quả, trách
nhiệm).
"""
