// A life of a store, which attacks interrupt.
import ApusLog

_ = LogOptions()
