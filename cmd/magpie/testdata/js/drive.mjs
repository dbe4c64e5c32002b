// Drives a server with the JavaScript SDK. The first argument is the server's URL, the second an estate's bucket; the key comes from the
// environment. Exits with 0 if everything is as it should be; the findings' number goes to standard output.
import assert from "node:assert/strict";
import { AccessAnalyzerClient, ListPolicyGenerationsCommand } from "@aws-sdk/client-accessanalyzer";
import * as macie2 from "@aws-sdk/client-macie2";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";

const [endpoint, bucket] = process.argv.slice(2);
const options = { endpoint, region: "us-east-1", maxAttempts: 1 };
const macie = new macie2.Macie2Client(options);

async function rejects(promise, type, message) {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof type, `${error.name}: ${error.message}, want ${type.name}`);
    assert.match(error.message, message);
    assert.ok(error.$metadata.requestId, "the error has no request id");
    return true;
  });
}

const identity = await new STSClient(options).send(new GetCallerIdentityCommand({}));
assert.equal(identity.Account, "111122223333");
assert.equal(identity.Arn, "arn:aws:iam::111122223333:root");

// Session.
await rejects(macie.send(new macie2.GetMacieSessionCommand({})), macie2.AccessDeniedException, /Macie is not enabled/);
await macie.send(new macie2.EnableMacieCommand({}));
await rejects(macie.send(new macie2.EnableMacieCommand({})), macie2.ConflictException, /already been enabled/);
await macie.send(new macie2.UpdateMacieSessionCommand({ findingPublishingFrequency: "ONE_HOUR" }));
const session = await macie.send(new macie2.GetMacieSessionCommand({}));
assert.equal(session.status, "ENABLED");
assert.equal(session.findingPublishingFrequency, "ONE_HOUR");
assert.ok(session.createdAt instanceof Date && session.updatedAt >= session.createdAt);

// A job.
const definition = {
  name: "from JavaScript", jobType: "ONE_TIME", managedDataIdentifierSelector: "ALL", clientToken: "once",
  s3JobDefinition: { bucketDefinitions: [{ accountId: identity.Account, buckets: [bucket] }] },
};
const created = await macie.send(new macie2.CreateClassificationJobCommand(definition));
const again = await macie.send(new macie2.CreateClassificationJobCommand(definition));
assert.equal(again.jobId, created.jobId, "the client token makes one job");
await rejects(macie.send(new macie2.CreateClassificationJobCommand({ ...definition, jobType: "NEVER", clientToken: "other" })),
  macie2.ValidationException, /jobType/);
await rejects(macie.send(new macie2.DescribeClassificationJobCommand({ jobId: "0".repeat(32) })), macie2.ResourceNotFoundException, /./);
let job;
do {
  job = await macie.send(new macie2.DescribeClassificationJobCommand({ jobId: created.jobId }));
} while (job.jobStatus === "RUNNING");
assert.equal(job.jobStatus, "COMPLETE");
assert.deepEqual(job.s3JobDefinition, definition.s3JobDefinition);
await rejects(macie.send(new macie2.UpdateClassificationJobCommand({ jobId: created.jobId, jobStatus: "CANCELLED" })),
  macie2.ValidationException, /cannot update completed job/);

// Findings, by pages.
const finished = { findingCriteria: { criterion: { "classificationDetails.jobId": { eq: [created.jobId] } } }, sortCriteria: { attributeName: "severity.score", orderBy: "DESC" } };
const ids = [];
let pages = 0;
for await (const page of macie2.paginateListFindings({ client: macie, pageSize: 2 }, { ...finished })) {
  assert.ok(page.findingIds.length <= 2);
  ids.push(...page.findingIds);
  pages++;
}
assert.equal(new Set(ids).size, ids.length);
assert.ok(pages >= ids.length / 2);
const { findings } = await macie.send(new macie2.GetFindingsCommand({ findingIds: ids, sortCriteria: finished.sortCriteria }));
assert.equal(findings.length, ids.length);
for (const f of findings) {
  assert.equal(f.accountId, identity.Account);
  assert.equal(f.classificationDetails.jobId, created.jobId);
  assert.ok(f.createdAt instanceof Date);
  assert.equal(f.resourcesAffected.s3Bucket.name, bucket);
}
const first = await macie.send(new macie2.ListFindingsCommand({ ...finished, maxResults: 2 }));
await rejects(macie.send(new macie2.ListFindingsCommand({ maxResults: 2, nextToken: first.nextToken })), macie2.ValidationException, /./);
const { countsByGroup } = await macie.send(new macie2.GetFindingStatisticsCommand({ groupBy: "severity.description" }));
assert.equal(countsByGroup.reduce((sum, group) => sum + group.count, 0), ids.length);

// What is not built says so, and what is not signed well is refused.
await assert.rejects(new AccessAnalyzerClient(options).send(new ListPolicyGenerationsCommand({})), (error) => {
  assert.ok(error.$metadata.httpStatusCode >= 400 && error.$metadata.requestId, error);
  return true;
});
const refused = async (credentials, name) => assert.rejects(
  new macie2.Macie2Client({ ...options, credentials }).send(new macie2.ListFindingsCommand({})), { name });
await refused({ accessKeyId: process.env.AWS_ACCESS_KEY_ID, secretAccessKey: "wrong" }, "InvalidSignatureException");
await refused({ accessKeyId: "MAGPIENOSUCHKEY00000", secretAccessKey: "wrong" }, "UnrecognizedClientException");

console.log(ids.length);
