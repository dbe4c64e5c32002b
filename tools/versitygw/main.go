// versitygw serves a folder as an S3 store until its standard input ends: the real server behind internal/source/s3/s3test.
//
// It is a module of its own because the gateway brings 60 modules (clients of Kafka, NATS, Vault, LDAP...) that neither Magpie nor a test of
// it links, and a process of its own because the gateway changes the working folder and serves one root per process.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/valyala/fasthttp"
	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"
	"github.com/versity/versitygw/s3api"
	"github.com/versity/versitygw/s3response"
)

func main() {
	dir := flag.String("dir", "", "folder with the sub-folders data (a folder for each bucket), meta and versions; it is removed at the end")
	access := flag.String("access", "", "access key")
	secret := flag.String("secret", "", "secret key")
	region := flag.String("region", "us-east-1", "Region of all buckets")
	flag.Parse()
	err := serve(*dir, *access, *secret, *region)
	if *dir != "" {
		err = errors.Join(err, os.RemoveAll(*dir))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "versitygw:", err)
		os.Exit(1)
	}
}

// serve listens on DIR/sock, says "ready" on standard output once it does, and stops when standard input ends.
func serve(dir, access, secret, region string) error {
	stdout := os.Stdout
	os.Stdout = os.Stderr // the gateway prints to it
	side, err := meta.NewSideCar(filepath.Join(dir, "meta"))
	if err != nil {
		return err
	}
	// Sidecars, not extended attributes: the temporary folder may be on a file system without them.
	store, err := posix.New(filepath.Join(dir, "data"), side, posix.PosixOpts{
		SideCarDir: filepath.Join(dir, "meta"), VersioningDir: filepath.Join(dir, "versions"), ForceNoObjLockFile: true,
	})
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	err = embedgw.RunVersityGW(ctx, encoding{store}, &embedgw.Config{
		RootUserAccess: access, RootUserSecret: secret, Region: region, Ports: []string{filepath.Join(dir, "sock")},
		MaxConnections: 4096, MaxRequests: 4096, MultipartMaxParts: 10000, Quiet: true, KeepAlive: true,
		S3Options: []s3api.Option{s3api.WithOnListen(func() { fmt.Fprintln(stdout, "ready") })},
	})
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// encoding adds the encoding of keys in listings (encoding-type=url), which the gateway ignores: without it a key that XML cannot hold is
// listed as another.
type encoding struct{ *posix.Posix }

// wanted tells whether the request asks for encoded keys.
func wanted(ctx context.Context) bool {
	request, ok := ctx.(*fasthttp.RequestCtx)
	return ok && string(request.QueryArgs().Peek("encoding-type")) == "url"
}

func encode(texts ...*string) {
	for _, s := range texts {
		if s != nil {
			*s = url.QueryEscape(*s)
		}
	}
}

func encodePrefixes(prefixes []types.CommonPrefix) {
	for _, p := range prefixes {
		encode(p.Prefix)
	}
}

func (e encoding) ListObjects(ctx context.Context, in *s3.ListObjectsInput) (s3response.ListObjectsResult, error) {
	out, err := e.Posix.ListObjects(ctx, in)
	if err == nil && wanted(ctx) {
		out.EncodingType = types.EncodingTypeUrl
		out.Prefix, out.Marker, out.Delimiter = clone(out.Prefix), clone(out.Marker), clone(out.Delimiter)
		encode(out.Prefix, out.Marker, out.NextMarker, out.Delimiter)
		for _, o := range out.Contents {
			encode(o.Key)
		}
		encodePrefixes(out.CommonPrefixes)
	}
	return out, err
}

func (e encoding) ListObjectsV2(ctx context.Context, in *s3.ListObjectsV2Input) (s3response.ListObjectsV2Result, error) {
	out, err := e.Posix.ListObjectsV2(ctx, in)
	if err == nil && wanted(ctx) {
		out.EncodingType = types.EncodingTypeUrl
		out.Prefix, out.StartAfter, out.Delimiter = clone(out.Prefix), clone(out.StartAfter), clone(out.Delimiter)
		encode(out.Prefix, out.StartAfter, out.Delimiter)
		for _, o := range out.Contents {
			encode(o.Key)
		}
		encodePrefixes(out.CommonPrefixes)
	}
	return out, err
}

func (e encoding) ListObjectVersions(ctx context.Context, in *s3.ListObjectVersionsInput) (s3response.ListVersionsResult, error) {
	out, err := e.Posix.ListObjectVersions(ctx, in)
	if err == nil && wanted(ctx) {
		out.EncodingType = types.EncodingTypeUrl
		out.Prefix, out.KeyMarker, out.Delimiter = clone(out.Prefix), clone(out.KeyMarker), clone(out.Delimiter)
		encode(out.Prefix, out.KeyMarker, out.NextKeyMarker, out.Delimiter)
		for i := range out.Versions {
			out.Versions[i].Key = clone(out.Versions[i].Key)
			encode(out.Versions[i].Key)
		}
		for i := range out.DeleteMarkers {
			out.DeleteMarkers[i].Key = clone(out.DeleteMarkers[i].Key)
			encode(out.DeleteMarkers[i].Key)
		}
		encodePrefixes(out.CommonPrefixes)
	}
	return out, err
}

// clone lets a text that is shared (with the request, between the versions of a key) be encoded.
func clone(s *string) *string {
	if s == nil {
		return nil
	}
	c := *s
	return &c
}
