"""`pumpctl doctor`: looks at what the daemon needs, one small check after the other, and says cause and next step.

Refuses to repair anything, and to say more to a pump than a question about who it is.
"""
