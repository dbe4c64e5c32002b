package notify

import "strings"

// s3Record is the part of a record of an S3 event notification (event versions 2.x) that names bucket and object.
type s3Record struct {
	Bucket struct {
		Name text `json:"name"`
	} `json:"bucket"`
	Object struct {
		Key       text `json:"key"`
		VersionID text `json:"versionId"`
		Sequencer text `json:"sequencer"`
	} `json:"object"`
}

type s3Response struct {
	RequestID text `json:"x-amz-request-id"`
}

// s3Events says what events mean by the beginning of their names without "s3:". Those of AWS, MinIO and Ceph; what is not listed (reads, tags
// and ACLs of objects, replication, requests for restoration) changes nothing that is kept.
var s3Events = []struct {
	prefix string
	what   What
}{
	{"ObjectCreated:", ObjectCreated},
	{"ObjectSynced:Create", ObjectCreated}, // Ceph: an object that came from another zone; also "Created"
	{"ObjectRemoved:", ObjectRemoved},
	{"LifecycleExpiration:", ObjectRemoved},
	{"ObjectLifecycle:Expiration:", ObjectRemoved}, // Ceph
	{"ObjectSynced:Delet", ObjectRemoved},
	{"LifecycleTransition", ObjectChanged},
	{"ObjectLifecycle:Transition:", ObjectChanged},
	{"IntelligentTiering", ObjectChanged},
	{"ObjectTransition:", ObjectChanged}, // MinIO
	{"ReducedRedundancyLostObject", ObjectRemoved},
	{"BucketCreated:", BucketChanged}, // MinIO
	{"BucketRemoved:", BucketChanged},
}

func s3What(name string) (What, bool) {
	name = strings.TrimPrefix(name, "s3:")
	for _, e := range s3Events {
		if strings.HasPrefix(name, e.prefix) {
			return e.what, true
		}
	}
	return 0, false
}

// s3 makes an event of a record.
func (e *entry) s3() (Event, bool) {
	what, ok := s3What(string(e.EventName))
	if !ok {
		return Event{}, false
	}
	out := Event{Bucket: bounded(e.S3.Bucket.Name), What: what, Time: timeOf(e.EventTime)}
	if what.OfObject() {
		// AWS and MinIO encode keys as in a form, Ceph does not.
		out.Key = decodedKey(e.S3.Object.Key)
		if strings.HasPrefix(string(e.EventSource), "ceph:") {
			out.Key = bounded(e.S3.Object.Key)
		}
	}
	if e.EventID != "" {
		out.ID = bounded(e.EventID)
	} else if id := e.Response.RequestID + "/" + e.S3.Object.Sequencer; id != "/" {
		out.ID = bounded(id)
	}
	return out, true
}

// bridged says what the events mean that S3 sends to EventBridge, by their detail-type.
var bridged = map[text]What{
	"Object Created":               ObjectCreated,
	"Object Deleted":               ObjectRemoved,
	"Object Storage Class Changed": ObjectChanged,
	"Object Access Tier Changed":   ObjectChanged,
}

// eventBridge reads an event of EventBridge: one that S3 sends, or a request that CloudTrail tells of.
func (d *Delivery) eventBridge(e *entry, depth int) error {
	if strings.HasSuffix(string(e.DetailType), " via CloudTrail") {
		return d.value(e.Detail, depth+1)
	}
	what, ok := bridged[e.DetailType]
	if !ok {
		d.Ignored++
		return nil
	}
	var detail s3Record
	unmarshal(e.Detail, &detail)
	d.add(Event{ID: bounded(e.ID), Account: bounded(e.Account), Bucket: bounded(detail.Bucket.Name), Key: bounded(detail.Object.Key), What: what,
		Time: timeOf(e.Time)}, true)
	return nil
}
