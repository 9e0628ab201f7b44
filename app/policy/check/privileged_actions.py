"""The actions by which users can get more permissions, and the resources of each.

Sources: Service Authorization Reference (resource types), IAM User Guide, and the lists of privilege escalations in
AWS that security researchers have published since 2018.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.policy.check.findings import Severity
from app.text.messages import N_


@dataclass(frozen=True)
class Target:
    """The resource of an action. service, prefix: of its ARN, "iam" and "user/". Both are empty if it supports only
    "*".
    """

    service: str = ""
    prefix: str = ""
    regional: bool = False
    """Does its ARN have a region?"""
    accountless: bool = False
    """Has its ARN no account?"""
    others: bool = False
    """Done to your own user, it is no danger."""
    unnamed: bool = False
    """A danger only where the resource leaves the name open: one that is named is meant."""

    @property
    def all_of(self) -> str:
        """Return the end of a resource that covers all of them: "user/*"."""
        return self.prefix if self.prefix == "root" else f"{self.prefix}*"


ANYTHING = Target()
USER = Target("iam", "user/")
OTHERS = Target("iam", "user/", others=True)
GROUP = Target("iam", "group/")
POLICY = Target("iam", "policy/")
ROLE = Target("iam", "role/")
ANY_ROLE = Target("iam", "role/", unnamed=True)
SAML_PROVIDER = Target("iam", "saml-provider/")
OIDC_PROVIDER = Target("iam", "oidc-provider/")
DELEGATION = Target("iam", "delegation-request/")
ROOT = Target("iam", "root")
PERMISSION_SET = Target("sso", "permissionSet/", accountless=True)
ASSIGNED_ACCOUNT = Target("sso", "account/", accountless=True)
DIRECTORY_GROUP = Target("identitystore", "group/", accountless=True)
DIRECTORY_USER = Target("identitystore", "user/", accountless=True)
DIRECTORY = Target("identitystore", "identitystore/")


def _open(service: str, prefix: str) -> Target:
    return Target(service, prefix, regional=True, unnamed=True)


def _of(target: Target, names: str, service: str = "iam") -> dict[str, Target]:
    return {f"{service}:{name}": target for name in names.split()}


@dataclass(frozen=True)
class Danger:
    """Some actions, and what users can do with them. target_of: action to its resource."""

    code: str
    severity: Severity
    sentence: str
    remedy: str
    target_of: Mapping[str, Target]


DANGERS = (
    Danger(
        "can-escalate",
        Severity.ERROR,
        N_("Users can give themselves more permissions, or escape this policy and MFA."),
        N_("Remove it. Give it to administrators in a separate policy."),
        _of(USER, "PutUserPolicy AttachUserPolicy DeleteUserPolicy DetachUserPolicy")
        | _of(USER, "PutUserPermissionsBoundary DeleteUserPermissionsBoundary")
        | _of(OTHERS, "CreateUser")
        | _of(GROUP, "AddUserToGroup RemoveUserFromGroup PutGroupPolicy AttachGroupPolicy")
        | _of(GROUP, "DeleteGroupPolicy DetachGroupPolicy DeleteGroup")
        | _of(ROLE, "PutRolePolicy AttachRolePolicy UpdateAssumeRolePolicy")
        | _of(ROLE, "PutRolePermissionsBoundary DeleteRolePermissionsBoundary")
        | _of(POLICY, "CreatePolicyVersion SetDefaultPolicyVersion DeletePolicy")
        | _of(SAML_PROVIDER, "CreateSAMLProvider UpdateSAMLProvider")
        | _of(OIDC_PROVIDER, "CreateOpenIDConnectProvider UpdateOpenIDConnectProviderThumbprint")
        | _of(OIDC_PROVIDER, "AddClientIDToOpenIDConnectProvider")
        # Temporary delegation: what is accepted is permissions, and the holder of the exchange token gets them.
        | _of(DELEGATION, "AcceptDelegationRequest SendDelegationToken")
        # Settings of the account that decide who can sign in, and how.
        | _of(ANYTHING, "PutAccountProperties EnableOutboundWebIdentityFederation")
        | _of(ANYTHING, "EnableOrganizationsRootSessions EnableOrganizationsRootCredentialsManagement")
        | _of(ANYTHING, "PutResourcePermissionStatement DeleteResourcePermissionStatement", "signin")
        | _of(ANYTHING, "PutConsoleAuthorizationConfiguration DeleteConsoleAuthorizationConfiguration", "signin")
        | _of(ROOT, "AssumeRoot", "sts")
        # A token that proves to others who they are, MFA or not; what it opens is not for this policy to say.
        | _of(ANYTHING, "GetWebIdentityToken", "sts")
        # IAM Identity Center: a second identity, which this policy does not reach.
        | _of(ASSIGNED_ACCOUNT, "CreateAccountAssignment", "sso")
        | _of(PERMISSION_SET, "PutInlinePolicyToPermissionSet AttachManagedPolicyToPermissionSet", "sso")
        | _of(PERMISSION_SET, "AttachCustomerManagedPolicyReferenceToPermissionSet", "sso")
        | _of(PERMISSION_SET, "DeletePermissionsBoundaryFromPermissionSet", "sso")
        | _of(ANYTHING, "PutMfaDeviceManagementForDirectory", "sso")
        | _of(DIRECTORY_GROUP, "CreateGroupMembership", "identitystore")
        | _of(DIRECTORY, "CreateUser", "identitystore")
        | _of(ANYTHING, "AddMemberToGroup CreateUser", "sso-directory")
        # Actions that run the user's own code with a role that isn't theirs.
        | _of(_open("lambda", "function:"), "UpdateFunctionCode", "lambda")
        | _of(_open("glue", "devEndpoint/"), "UpdateDevEndpoint", "glue")
        | _of(_open("eks", "cluster/"), "CreateAccessEntry", "eks")
        | _of(_open("eks", "access-entry/"), "AssociateAccessPolicy", "eks"),
    ),
    Danger(
        "others-credentials",
        Severity.ERROR,
        N_("Users can take over other users’ sign-ins, or lock them out."),
        N_("Name user/${aws:username} as the resource."),
        _of(OTHERS, "CreateAccessKey UpdateAccessKey DeleteAccessKey")
        | _of(OTHERS, "CreateLoginProfile UpdateLoginProfile DeleteLoginProfile")
        | _of(OTHERS, "EnableMFADevice DeactivateMFADevice")
        | _of(OTHERS, "UploadSSHPublicKey UpdateSSHPublicKey DeleteSSHPublicKey")
        | _of(OTHERS, "UploadSigningCertificate UpdateSigningCertificate DeleteSigningCertificate")
        | _of(OTHERS, "CreateServiceSpecificCredential ResetServiceSpecificCredential")
        | _of(OTHERS, "UpdateServiceSpecificCredential DeleteServiceSpecificCredential")
        | _of(OTHERS, "UpdateUser DeleteUser")
        | _of(ANYTHING, "UpdatePassword", "sso-directory")
        | _of(DIRECTORY_USER, "UpdateUser", "identitystore"),
    ),
    Danger(
        "any-role",
        Severity.WARNING,
        N_("Users can assume any role that trusts the account, or pass any role to a service it trusts."),
        N_("List the specific roles."),
        _of(ANY_ROLE, "PassRole") | _of(ANY_ROLE, "AssumeRole", "sts"),
    ),
    Danger(
        "runs-as-role",
        Severity.WARNING,
        N_("Users can run anything with the roles of machines, builds and stacks."),
        N_("List the specific resources."),
        _of(_open("ec2", "instance/"), "SendCommand StartSession", "ssm")
        | _of(_open("ec2", "instance/"), "SendSSHPublicKey SendSerialConsoleSSHPublicKey", "ec2-instance-connect")
        | _of(_open("ecs", "task/"), "ExecuteCommand", "ecs")
        | _of(_open("lambda", "function:"), "UpdateFunctionConfiguration", "lambda")
        | _of(_open("codebuild", "project/"), "StartBuild StartBuildBatch", "codebuild")
        | _of(_open("cloudformation", "stack/"), "UpdateStack ExecuteChangeSet", "cloudformation")
        | _of(_open("sagemaker", "notebook-instance/"), "CreatePresignedNotebookInstanceUrl", "sagemaker")
        | _of(_open("bedrock-agentcore", "code-interpreter-custom/"), "InvokeCodeInterpreter", "bedrock-agentcore"),
    ),
)
