// Package expression evaluates the ${{ … }} of the configuration.
//
// It knows the names that an expression may use, and nothing else: no
// environment, file, network or clock can be reached, loops and local variables
// do not exist, and so the work and the size of a result are bounded by the
// length of the source. Where the text came from, and where the result goes, is
// not its business.
package expression
