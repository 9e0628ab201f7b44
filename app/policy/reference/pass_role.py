"""What can run with a role that is passed to it. Source: Service Authorization Reference, iam:PassedToService."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

PASSES_ROLE = "iam:PassRole"


def _run_by(principal: str, names: str, service: str = "") -> dict[str, str]:
    return {f"{service or principal}:{name}": f"{principal}.amazonaws.com" for name in names.split()}


RUNNERS: Mapping[str, str] = MappingProxyType(
    _run_by("ec2", "RunInstances RequestSpotInstances CreateFleet")
    | _run_by("ec2", "AssociateIamInstanceProfile ReplaceIamInstanceProfileAssociation")
    | _run_by("ec2", "CreateLaunchConfiguration CreateAutoScalingGroup UpdateAutoScalingGroup", "autoscaling")
    | _run_by("lambda", "CreateFunction UpdateFunctionConfiguration")
    | _run_by("cloudformation", "CreateStack UpdateStack CreateChangeSet CreateStackSet UpdateStackSet")
    | _run_by("glue", "CreateDevEndpoint CreateJob UpdateJob CreateSession")
    | _run_by("datapipeline", "CreatePipeline PutPipelineDefinition")
    | _run_by("elasticmapreduce", "RunJobFlow")
    | _run_by("emr-serverless", "StartJobRun")
    | _run_by("sagemaker", "CreateNotebookInstance CreateTrainingJob CreateProcessingJob")
    | _run_by("sagemaker", "CreateHyperParameterTuningJob")
    | _run_by("codebuild", "CreateProject UpdateProject")
    | _run_by("codepipeline", "CreatePipeline UpdatePipeline")
    | _run_by("ecs-tasks", "RegisterTaskDefinition RunTask StartTask", "ecs")
    | _run_by("ecs-tasks", "RegisterJobDefinition", "batch")
    | _run_by("pods.eks", "CreatePodIdentityAssociation", "eks")
    | _run_by("tasks.apprunner", "CreateService UpdateService", "apprunner")
    | _run_by("states", "CreateStateMachine UpdateStateMachine")
    | _run_by("bedrock-agentcore", "CreateCodeInterpreter CreateAgentRuntime")
    | _run_by("ssm", "StartAutomationExecution")
    | _run_by("events", "PutTargets")
    | _run_by("scheduler", "CreateSchedule UpdateSchedule")
    | _run_by("pipes", "CreatePipe UpdatePipe")
    | _run_by("iot", "CreateTopicRule ReplaceTopicRule")
    | _run_by("lambda", "CreateCanary UpdateCanary", "synthetics")
    | _run_by("ec2", "CreateEnvironment UpdateEnvironment", "elasticbeanstalk")
    | _run_by("amplify", "CreateApp UpdateApp")
    | _run_by("airflow", "CreateEnvironment UpdateEnvironment")
    | _run_by("braket", "CreateJob")
    | _run_by("omics", "StartRun")
    | _run_by("kinesisanalytics", "CreateApplication UpdateApplication")
    | _run_by("gamelift", "CreateFleet")
)
"""What runs with a role that is passed to it: action to the service that takes the role (iam:PassedToService)."""
