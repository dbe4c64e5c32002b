package catalog

import "slices"

// Presence tells which requests carry a global condition key, after what AWS's page about them calls availability.
type Presence uint8

const (
	Unstated             Presence = iota // a key of a service: with the actions that name it
	Always                               // every request
	Signed                               // every request but anonymous ones
	IAMUser                              // those of IAM users
	OrganizationMember                   // those of principals whose account is in an organization
	TaggedPrincipal                      // those of principals and sessions with tags
	ServicePrincipal                     // those that a service makes as itself
	ForResource                          // those that a service makes as itself on behalf of a resource
	Forwarded                            // those that a service makes with its caller's credentials
	TemporaryCredentials                 // those with temporary credentials
	Session                              // those of some kinds of sessions, which the key's name tells
	PublicEndpoint                       // those that come through no VPC endpoint
	VPCEndpoint                          // those through a VPC endpoint
	OrganizationEndpoint                 // those through a VPC endpoint whose account is in an organization
	MostResources                        // those for most actions
	OrganizationResource                 // those for resources whose account is in an organization
	TaggedResource                       // those for resources with tags, where the action supports it
	WithTags                             // those that set tags
	Referred                             // those of browsers that follow a link
	MCP                                  // those that MCP servers of AWS make or serve
	WebIdentity                          // sts:AssumeRoleWithWebIdentity; some also those of its sessions
)

// globals are the condition keys of no service in particular, from "AWS global condition context keys" in the IAM user guide (as of 2026: names, types,
// availability, sensitive keys). aws:SourceOwner and aws:ARN are in older editions.
var globals = [...]ConditionKey{
	// properties of the principal
	{Name: "aws:PrincipalArn", Type: ARN, Presence: Signed},
	{Name: "aws:PrincipalAccount", Type: String, Presence: Always, Sensitive: true}, // "anonymous" in anonymous requests
	{Name: "aws:PrincipalOrgPaths", Type: ArrayOfString, Presence: OrganizationMember},
	{Name: "aws:PrincipalOrgID", Type: String, Presence: OrganizationMember, Sensitive: true},
	{Name: "aws:PrincipalTag/${TagKey}", Type: String, Presence: TaggedPrincipal},
	{Name: "aws:PrincipalIsAWSService", Type: Bool, Presence: Signed},
	{Name: "aws:PrincipalServiceName", Type: String, Presence: ServicePrincipal},
	{Name: "aws:PrincipalServiceNamesList", Type: ArrayOfString, Presence: ServicePrincipal},
	{Name: "aws:PrincipalType", Type: String, Presence: Always},
	{Name: "aws:userid", Type: String, Presence: Always},
	{Name: "aws:username", Type: String, Presence: IAMUser},
	{Name: "aws:ARN", Type: ARN, Presence: Signed, Legacy: true},

	// properties of a role session
	{Name: "aws:AssumedRoot", Type: Bool, Presence: Session},
	{Name: "aws:FederatedProvider", Type: String, Presence: Session}, // an ARN if the provider is not one of AWS's own
	{Name: "aws:TokenIssueTime", Type: Date, Presence: TemporaryCredentials},
	{Name: "aws:SignInSessionArn", Type: ARN, Presence: Session},
	{Name: "aws:MultiFactorAuthAge", Type: Numeric, Presence: TemporaryCredentials},
	{Name: "aws:MultiFactorAuthPresent", Type: Bool, Presence: TemporaryCredentials},
	{Name: "aws:ChatbotSourceArn", Type: ARN, Presence: Session},
	{Name: "aws:Ec2InstanceSourceVpc", Type: String, Presence: Session},
	{Name: "aws:Ec2InstanceSourcePrivateIPv4", Type: IPAddress, Presence: Session},
	{Name: "aws:SourceIdentity", Type: String, Presence: Session},
	{Name: "ec2:RoleDelivery", Type: Numeric, Presence: Session},
	{Name: "ec2:SourceInstanceArn", Type: ARN, Presence: Session},
	{Name: "glue:RoleAssumedBy", Type: String, Presence: Session},
	{Name: "glue:CredentialIssuingService", Type: String, Presence: Session},
	{Name: "codebuild:BuildArn", Type: ARN, Presence: Session},
	{Name: "codebuild:ProjectArn", Type: ARN, Presence: Session},
	{Name: "lambda:SourceFunctionArn", Type: ARN, Presence: Session},
	{Name: "ssm:SourceInstanceArn", Type: ARN, Presence: Session},
	{Name: "identitystore:UserId", Type: String, Presence: Session},

	// properties of the network
	{Name: "aws:SourceIp", Type: IPAddress, Presence: PublicEndpoint},
	{Name: "aws:SourceVpc", Type: String, Presence: VPCEndpoint, Sensitive: true},
	{Name: "aws:SourceVpcArn", Type: ARN, Presence: VPCEndpoint, only: vpcArnServices},
	{Name: "aws:SourceVpce", Type: String, Presence: VPCEndpoint, Sensitive: true},
	{Name: "aws:VpceAccount", Type: String, Presence: VPCEndpoint, Sensitive: true, only: vpceServices},
	{Name: "aws:VpceOrgID", Type: String, Presence: OrganizationEndpoint, Sensitive: true, only: vpceOrgIDServices},
	{Name: "aws:VpceOrgPaths", Type: ArrayOfString, Presence: OrganizationEndpoint, only: vpceServices},
	{Name: "aws:VpcSourceIp", Type: IPAddress, Presence: VPCEndpoint},

	// properties of the resource
	{Name: "aws:ResourceAccount", Type: String, Presence: MostResources, Sensitive: true},
	{Name: "aws:ResourceOrgPaths", Type: ArrayOfString, Presence: OrganizationResource},
	{Name: "aws:ResourceOrgID", Type: String, Presence: OrganizationResource, Sensitive: true},
	{Name: "aws:ResourceTag/${TagKey}", Type: String, Presence: TaggedResource},

	// properties of the request
	{Name: "aws:CalledVia", Type: ArrayOfString, Presence: Forwarded},
	{Name: "aws:CalledViaFirst", Type: String, Presence: Forwarded},
	{Name: "aws:CalledViaLast", Type: String, Presence: Forwarded},
	{Name: "aws:CalledViaAWSMCP", Type: String, Presence: MCP},
	{Name: "aws:ViaAWSService", Type: Bool, Presence: Always},
	{Name: "aws:ViaAWSMCPService", Type: Bool, Presence: MCP},
	{Name: "aws:CurrentTime", Type: Date, Presence: Always},
	{Name: "aws:EpochTime", Type: Date, Presence: Always}, // and numbers: ConditionKey.Takes
	{Name: "aws:referer", Type: String, Presence: Referred},
	{Name: "aws:RequestedRegion", Type: String, Presence: Always},
	{Name: "aws:RequestTag/${TagKey}", Type: String, Presence: WithTags},
	{Name: "aws:TagKeys", Type: ArrayOfString, Presence: WithTags},
	{Name: "aws:SecureTransport", Type: Bool, Presence: Always},
	{Name: "aws:SourceAccount", Type: String, Presence: ForResource, Sensitive: true},
	{Name: "aws:SourceArn", Type: ARN, Presence: ForResource},
	{Name: "aws:SourceOrgID", Type: String, Presence: ForResource, Sensitive: true},
	{Name: "aws:SourceOrgPaths", Type: ArrayOfString, Presence: ForResource},
	{Name: "aws:SourceOwner", Type: String, Presence: ForResource, Legacy: true},
	{Name: "aws:UserAgent", Type: String, Presence: Always},
	{Name: "aws:IsMcpServiceAction", Type: Bool, Presence: MCP},

	// claims of every provider of web identities, which the data have for a few only; from "IAM and AWS STS condition context keys"
	{Name: "${Provider}:aud", Type: String, Presence: WebIdentity},
	{Name: "${Provider}:sub", Type: String, Presence: WebIdentity},
	{Name: "${Provider}:amr", Type: ArrayOfString, Presence: WebIdentity},
	{Name: "${Provider}:oaud", Type: String, Presence: WebIdentity},
	{Name: "${Provider}:email", Type: String, Presence: WebIdentity},
}

// notCarried are actions whose requests lack keys that depend on no action otherwise: those about the owner of the resource, and iam:PassRole, which
// is no request, those about VPC endpoints that come with some services only.
var notCarried = map[string][]string{
	"aws:ResourceAccount":  noOwner,
	"aws:ResourceOrgID":    noOwner,
	"aws:ResourceOrgPaths": noOwner,
	"aws:SourceVpcArn":     {"iam:PassRole"},
	"aws:VpceAccount":      {"iam:PassRole"},
	"aws:VpceOrgID":        {"iam:PassRole"},
	"aws:VpceOrgPaths":     {"iam:PassRole"},
}

// noOwner leaves out events:PutEvents, which lacks the keys for targets from before March 2023 only.
var noOwner = []string{"auditmanager:UpdateAssessmentFrameworkShare", "detective:AcceptInvitation", "ds:AcceptSharedDirectory", "ebs:*",
	"ec2:AcceptTransitGatewayPeeringAttachment", "ec2:AcceptVpcEndpointConnections", "ec2:AcceptVpcPeeringConnection",
	"ec2:CreateTransitGatewayPeeringAttachment", "ec2:CreateVpcEndpoint", "ec2:CreateVpcPeeringConnection", "guardduty:AcceptAdministratorInvitation",
	"macie2:AcceptInvitation", "es:AcceptInboundConnection", "route53:AssociateVpcWithHostedZone", "route53:CreateVPCAssociationAuthorization",
	"securityhub:AcceptAdministratorInvitation"}

// Services whose requests carry the keys about VPC endpoints.
var (
	vpcArnServices = []string{"acm-pca", "applicationinsights", "apprunner", "athena", "cloudformation", "comprehendmedical", "compute-optimizer",
		"datasync", "discovery", "ebs", "ecr", "ecs", "firehose", "healthlake", "iam", "iotfleetwise", "iotwireless", "kinesisanalytics", "kms",
		"lambda", "medical-imaging", "omics", "payment-cryptography", "polly", "rbin", "rekognition", "route53", "s3", "scheduler",
		"servicediscovery", "servicequotas", "ssm-contacts", "storagegateway", "textract", "transcribe", "transfer"}
	vpceServices      = slices.Concat(vpcArnServices, []string{"dynamodb", "gamelift", "shield"})
	vpceOrgIDServices = slices.Concat(vpceServices, []string{"b2bi", "cassandra", "cognito-identity", "dms", "ds-data", "identitystore", "iottwinmaker",
		"network-firewall", "pricing", "ses", "sms-voice", "sqs", "workmail"})
)
