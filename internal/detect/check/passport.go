package check

// USPassport reports whether nine digits, or a letter and eight digits, may be a US passport number (US Department of State; ICAO Doc 9303
// gives nine characters). There is no check digit outside the machine readable zone.
func USPassport(compact []byte) bool { return !uniform(compact[1:]) }
