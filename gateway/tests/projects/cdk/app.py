import aws_cdk as cdk
from aws_cdk import aws_apigatewayv2 as api
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_lambda as lambda_


class ChatStack(cdk.Stack):
    def __init__(self, scope, name):
        super().__init__(scope, name)
        connect = self.function("Connect", "connect")
        say = self.function("Say", "say")
        chat = api.WebSocketApi(
            self,
            "Chat",
            connect_route_options=api.WebSocketRouteOptions(
                integration=integrations.WebSocketLambdaIntegration("ConnectIntegration", connect)
            ),
        )
        chat.add_route(
            "say", integration=integrations.WebSocketLambdaIntegration("SayIntegration", say)
        )
        stage = api.WebSocketStage(
            self, "Live", web_socket_api=chat, stage_name="live", auto_deploy=True
        )
        stage.grant_management_api_access(say)

    def function(self, name, folder):
        return lambda_.Function(
            self,
            name,
            runtime=lambda_.Runtime.PYTHON_3_12,
            handler="index.handler",
            code=lambda_.Code.from_asset(folder),
        )


app = cdk.App()
ChatStack(app, "ChatStack")
app.synth()
