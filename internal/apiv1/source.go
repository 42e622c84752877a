package apiv1

import "embed"

// Source is the code of this package. The API's document takes from its comments what
// types and fields are.
//
//go:embed *.go
var Source embed.FS
