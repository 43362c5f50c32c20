// Ratios to real peers, measured in the same run.
import ApusLog

_ = LogOptions()
