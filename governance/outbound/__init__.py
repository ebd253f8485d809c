"""Telling others: facts of the audit trail go to webhooks, chat, pagers, alert managers and mail.

`events` names what happened, `notices` says it in words, `formats` writes the body each kind of receiver
reads, `addresses` keeps messages out of private networks, `sending` posts them. Nothing here knows Django.
"""
