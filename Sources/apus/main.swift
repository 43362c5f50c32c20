// The front door.
import ApusLog

_ = LogOptions()
