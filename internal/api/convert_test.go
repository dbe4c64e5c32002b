package api

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"reflect"

	aatypes "github.com/aws/aws-sdk-go-v2/service/accessanalyzer/types"

	"github.com/magpie-sec/magpie/internal/wire"
)

func hash(body string) string {
	sum := sha256.Sum256([]byte(body))
	return hex.EncodeToString(sum[:])
}

// unionMembers are the SDK's types for the members of unions: its unions are interfaces.
var unionMembers = []any{
	aatypes.AclGranteeMemberId{}, aatypes.AclGranteeMemberUri{},
	aatypes.AnalyzerConfigurationMemberInternalAccess{}, aatypes.AnalyzerConfigurationMemberUnusedAccess{},
	aatypes.ConfigurationMemberDynamodbStream{}, aatypes.ConfigurationMemberDynamodbTable{}, aatypes.ConfigurationMemberEbsSnapshot{},
	aatypes.ConfigurationMemberEcrRepository{}, aatypes.ConfigurationMemberEfsFileSystem{}, aatypes.ConfigurationMemberIamRole{},
	aatypes.ConfigurationMemberKmsKey{}, aatypes.ConfigurationMemberRdsDbClusterSnapshot{}, aatypes.ConfigurationMemberRdsDbSnapshot{},
	aatypes.ConfigurationMemberS3Bucket{}, aatypes.ConfigurationMemberS3ExpressDirectoryBucket{},
	aatypes.ConfigurationMemberSecretsManagerSecret{}, aatypes.ConfigurationMemberSnsTopic{}, aatypes.ConfigurationMemberSqsQueue{},
	aatypes.FindingDetailsMemberExternalAccessDetails{}, aatypes.FindingDetailsMemberInternalAccessDetails{},
	aatypes.FindingDetailsMemberUnusedIamRoleDetails{}, aatypes.FindingDetailsMemberUnusedIamUserAccessKeyDetails{},
	aatypes.FindingDetailsMemberUnusedIamUserPasswordDetails{}, aatypes.FindingDetailsMemberUnusedPermissionDetails{},
	aatypes.FindingsStatisticsMemberExternalAccessFindingsStatistics{}, aatypes.FindingsStatisticsMemberInternalAccessFindingsStatistics{},
	aatypes.FindingsStatisticsMemberUnusedAccessFindingsStatistics{},
	aatypes.NetworkOriginConfigurationMemberInternetConfiguration{}, aatypes.NetworkOriginConfigurationMemberVpcConfiguration{},
	aatypes.PathElementMemberIndex{}, aatypes.PathElementMemberKey{}, aatypes.PathElementMemberSubstring{}, aatypes.PathElementMemberValue{},
	aatypes.RdsDbClusterSnapshotAttributeValueMemberAccountIds{}, aatypes.RdsDbSnapshotAttributeValueMemberAccountIds{},
	aatypes.RecommendedStepMemberUnusedPermissionsRecommendedStep{},
}

// toSDK sets an SDK value from one of ours, member by member by name. It fails on a member that one side
// has and the other lacks.
func toSDK(dst, src reflect.Value) error {
	switch {
	case src.Kind() == reflect.Pointer:
		if src.IsNil() {
			return nil
		}
		return toSDK(dst, src.Elem())
	case dst.Kind() == reflect.Pointer:
		dst.Set(reflect.New(dst.Type().Elem()))
		return toSDK(dst.Elem(), src)
	case dst.Kind() == reflect.Interface:
		return unionToSDK(dst, src)
	}
	switch src.Kind() {
	case reflect.String:
		dst.SetString(src.String())
	case reflect.Bool:
		dst.SetBool(src.Bool())
	case reflect.Float64:
		dst.SetFloat(src.Float())
	case reflect.Int64:
		if at, ok := src.Interface().(wire.Time); ok {
			dst.Set(reflect.ValueOf(at.Time()))
			return nil
		}
		dst.SetInt(src.Int())
	case reflect.Slice:
		if src.IsNil() {
			return nil
		}
		dst.Set(reflect.MakeSlice(dst.Type(), src.Len(), src.Len()))
		for i := range src.Len() {
			if err := toSDK(dst.Index(i), src.Index(i)); err != nil {
				return err
			}
		}
	case reflect.Map:
		if src.IsNil() {
			return nil
		}
		dst.Set(reflect.MakeMap(dst.Type()))
		for key, value := range src.Seq2() {
			elem := reflect.New(dst.Type().Elem()).Elem()
			if err := toSDK(elem, value); err != nil {
				return err
			}
			dst.SetMapIndex(key.Convert(dst.Type().Key()), elem)
		}
	case reflect.Struct:
		return structToSDK(dst, src)
	default:
		return fmt.Errorf("kind %s", src.Kind())
	}
	return nil
}

func structToSDK(dst, src reflect.Value) error {
	for i := range src.NumField() {
		name := src.Type().Field(i).Name
		field := dst.FieldByName(name)
		if !field.IsValid() {
			return fmt.Errorf("the SDK's %s has no %s", dst.Type(), name)
		}
		if err := toSDK(field, src.Field(i)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	for i := range dst.NumField() {
		f := dst.Type().Field(i)
		if f.IsExported() && f.Name != "ResultMetadata" && !src.FieldByName(f.Name).IsValid() {
			return fmt.Errorf("the SDK's %s has %s, ours has not", dst.Type(), f.Name)
		}
	}
	return nil
}

func unionToSDK(dst, src reflect.Value) error {
	for i := range src.NumField() {
		if src.Field(i).IsNil() {
			continue
		}
		want := dst.Type().Name() + "Member" + src.Type().Field(i).Name
		for _, m := range unionMembers {
			if t := reflect.TypeOf(m); t.Name() == want {
				member := reflect.New(t)
				if err := toSDK(member.Elem().FieldByName("Value"), src.Field(i)); err != nil {
					return err
				}
				dst.Set(member)
				return nil
			}
		}
		return fmt.Errorf("the SDK has no %s", want)
	}
	return nil
}
