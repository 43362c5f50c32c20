// Sentences about promises.
import Testing
