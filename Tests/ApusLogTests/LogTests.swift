// The log's promises.
import Testing
